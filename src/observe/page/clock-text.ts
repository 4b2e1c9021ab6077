// Times of the day as the page shows them.

/** As `14:05:09`, in the time zone of the browser. */
export function clockText(at: number): string {
  return new Date(at).toLocaleTimeString('en-GB');
}
