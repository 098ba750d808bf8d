/** Where the worker writes its structured lines: an event name and its fields, never payloads or secrets. */
export interface DeliveryLog {
  info(event: string, fields: Readonly<Record<string, unknown>>): void;
  warn(event: string, fields: Readonly<Record<string, unknown>>): void;
}

export const silentLog: DeliveryLog = { info: () => {}, warn: () => {} };

export const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));
