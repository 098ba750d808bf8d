/** Takes something worth a line in the program's log. Fields hold ids, counts and reasons, never event data. */
export type LogLine = (name: string, fields: Record<string, unknown>) => void;
