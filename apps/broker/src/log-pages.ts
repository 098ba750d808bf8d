import type { DestinationStream } from 'pino';

/** Where pages go. */
export interface PageSink {
  write(text: string): unknown;
  /** Writes what it still holds before it returns. */
  flushSync(): void;
}

export interface LogPagesOptions {
  /** UTF-16 units after which a page is handed over. @default 65536 */
  pageSize?: number;
  /** Milliseconds that a line waits for its page to fill. @default 100 */
  latestMs?: number;
}

/**
 * Gathers lines and hands them over by the page: a system call for every attempt would cost more than making the line. The
 * sink could gather as well, but it measures all that it has with every line, which made a quarter of a line's cost.
 */
export class LogPages implements DestinationStream {
  private page = '';
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly sink: PageSink,
    private readonly options: LogPagesOptions = {},
  ) {}

  write(line: string): void {
    const { pageSize = 65_536, latestMs = 100 } = this.options;
    this.page += line;
    if (this.page.length >= pageSize) this.turn();
    else this.timer ??= setTimeout(() => this.turn(), latestMs).unref();
  }

  /** For the end of the process, and for lines that tell of one. */
  flushSync(): void {
    this.turn();
    this.sink.flushSync();
  }

  private turn(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { page } = this;
    this.page = '';
    if (page !== '') this.sink.write(page);
  }
}
