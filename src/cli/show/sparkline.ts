// A series as a line of characters. Pure.

const BARS = '▁▂▃▄▅▆▇█';

/** @param width how many of the newest values are shown */
export function sparkline(values: readonly number[], width: number): string {
  const shown = width > 0 ? values.slice(-width) : [];
  const most = Math.max(...shown, Number.MIN_VALUE);
  return shown.map((value) => BARS[Math.min(BARS.length - 1, Math.floor((value / most) * BARS.length))]).join('');
}
