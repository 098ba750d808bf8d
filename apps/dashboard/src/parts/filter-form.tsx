import type { JSX } from 'preact';
import { linkTo, type Place } from '../page/place.js';
import { goTo } from '../page/use-place.js';

export interface FilterField {
  name: string;
  label: string;
  /** A choice; without it a text. */
  options?: readonly string[];
  placeholder?: string;
  /** Offered while somebody types. */
  suggestions?: readonly string[];
  /** In the browser's time zone. */
  isTime?: boolean;
}

/** Filters of a list. They stand in the address, so that what is seen can be shared. */
export function FilterForm({ place, fields }: { place: Place; fields: readonly FilterField[] }): JSX.Element {
  const apply = (event: SubmitEvent) => {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement)) return;
    const values = new FormData(event.currentTarget);
    const query = fields.map(({ name }): [string, string] => [name, textOf(values.get(name)).trim()]);
    goTo(linkTo(place.path, Object.fromEntries(query)));
  };
  const isFiltered = fields.some(({ name }) => place.query[name] !== undefined);
  return (
    <form class="filters" role="search" onSubmit={apply}>
      {fields.map((field) => (
        <label key={field.name}>
          <span>{field.label}</span>
          <FilterInput field={field} value={place.query[field.name] ?? ''} />
        </label>
      ))}
      <button type="submit">Search</button>
      {isFiltered && <a href={linkTo(place.path)}>Clear</a>}
    </form>
  );
}

function FilterInput({ field, value }: { field: FilterField; value: string }): JSX.Element {
  const { name, options, placeholder = '', isTime = false, suggestions } = field;
  if (isTime) return <input key={value} name={name} type="datetime-local" defaultValue={value} step={1} />;
  if (!options)
    return (
      <>
        <input
          key={value}
          name={name}
          type="search"
          defaultValue={value}
          placeholder={placeholder}
          {...(suggestions && { list: `${name}-suggestions` })}
        />
        {suggestions && (
          <datalist id={`${name}-suggestions`}>
            {suggestions.map((one) => (
              <option key={one} value={one} />
            ))}
          </datalist>
        )}
      </>
    );
  return (
    <select key={value} name={name}>
      {['', ...options].map((option) => (
        <option key={option} value={option} selected={option === value}>
          {option === '' ? 'any' : option}
        </option>
      ))}
    </select>
  );
}

export function textOf(value: FormDataEntryValue | null): string {
  return typeof value === 'string' ? value : '';
}
