/** Calls somebody else's function. What it throws, at once or later, decides over no event and does not end the process. */
export function tell(listener: () => unknown): void {
  try {
    const told = listener();
    if (typeof told === 'object' && told !== null) Promise.resolve(told).catch(report);
  } catch (error) {
    report(error);
  }
}

function report(error: unknown): void {
  console.error('A listener of the receiver failed:', error);
}
