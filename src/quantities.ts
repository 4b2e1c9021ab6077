// Times, sizes, rates and numbers in readable form. Pure.

const KB = 2 ** 10;
const MB = 2 ** 20;
const GB = 2 ** 30;

/** As `123 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < KB) return `${bytes} B`;
  if (bytes < MB) return `${Math.round(bytes / KB)} KB`;
  if (bytes < GB) return `${Math.round(bytes / MB)} MB`;
  return `${(bytes / GB).toFixed(1)} GB`;
}

/** As `0.4 s`, `59 s`, `3 min 5 s`, `3 h 12 min`, `2 d 4 h`. */
export function formatDuration(ms: number): string {
  const tenths = Math.round(ms / 100) / 10;
  if (tenths < 10) return `${tenths.toFixed(1)} s`;
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s} s`;
  const min = Math.floor(s / 60);
  if (min < 60) return `${min} min ${s % 60} s`;
  const h = Math.floor(min / 60);
  return h < 24 ? `${h} h ${min % 60} min` : `${Math.floor(h / 24)} d ${h % 24} h`;
}

/** As `0.4`, `1,240`, `16.8 k`; without `/s`. */
export function formatRate(perS: number): string {
  if (perS === 0) return '0';
  if (perS < 10) return perS.toFixed(1);
  if (perS < 10_000) return Math.round(perS).toLocaleString('en');
  return `${(perS / 1_000).toFixed(1)} k`;
}

/** As `0.25 ms`, `12 ms`, `1.2 s`; a dash for nothing. */
export function formatLatency(ms: number | undefined): string {
  if (ms === undefined) return '–';
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1_000 ? `${Math.round(ms)} ms` : formatDuration(ms);
}

/** As `1,240`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en');
}

/** As `1 key`, `12 keys`. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}
