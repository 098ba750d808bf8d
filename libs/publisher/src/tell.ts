/** Calls somebody else's function. What it throws, at once or later, neither stops events nor ends the process. */
export function tell(listener: () => unknown): void {
  try {
    const told = listener();
    if (typeof told === 'object' && told !== null) Promise.resolve(told).catch(ignore);
  } catch {
    // Metrics and logs decide over nothing.
  }
}

const ignore = (): void => {};
