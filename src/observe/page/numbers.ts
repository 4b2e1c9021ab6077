// Numbers as the page shows them.

import { formatDuration } from '../../quantities';

export function rateText(perS: number): string {
  if (perS === 0) return '0';
  if (perS < 10) return perS.toFixed(1);
  if (perS < 10_000) return Math.round(perS).toLocaleString('en');
  return `${(perS / 1_000).toFixed(1)} k`;
}

export function latencyText(ms: number | undefined): string {
  if (ms === undefined) return '–';
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1_000 ? `${Math.round(ms)} ms` : formatDuration(ms);
}

export function countText(count: number): string {
  return count.toLocaleString('en');
}

/** As `14:05:09`, in the time zone of the browser. */
export function clockText(at: number): string {
  return new Date(at).toLocaleTimeString('en-GB');
}

export function plural(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;
}
