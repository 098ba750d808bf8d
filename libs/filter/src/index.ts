export { EventView } from './event-view.js';
export type { FilterableEvent } from './event-view.js';
export { compileFilter } from './filter.js';
export type { CompileOptions, Filter, FilterCompilation, FilterVerdict, TextPosition } from './filter.js';
export { FilterCache } from './filter-cache.js';
export { filterLimits } from './filter-limits.js';
