// Metrics as a scraper reads them: by a parser of the text format.

interface Family {
  readonly name: string;
  readonly type: string;
  readonly metrics: readonly { readonly labels?: Record<string, string>; readonly value?: string }[];
}

// The package has no types.
const parse = jest.requireActual<(text: string) => readonly Family[]>('parse-prometheus-text-format');

/** Every sample of a text: name and labels → value. @throws what the parser throws */
export function samplesOf(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  const histograms: string[] = [];
  for (const { name, type, metrics } of parse(text)) {
    if (type === 'HISTOGRAM') histograms.push(name);
    else for (const { labels, value } of metrics) samples.set(keyOf(name, Object.entries(labels ?? {})), Number(value));
  }
  // The parser drops the labels of histograms, so their lines are read here.
  for (const [, name, part, labels, value] of text.matchAll(/^(\w+)(_bucket|_sum|_count)\{(.*)\} (\S+)$/gm)) {
    if (!histograms.includes(name!)) continue;
    const pairs = [...labels!.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, given]) => [label!, given!] as const);
    samples.set(keyOf(name! + part!, pairs), Number(value));
  }
  return samples;
}

function keyOf(name: string, labels: readonly (readonly [string, string])[]): string {
  return [name, ...labels.map(([label, value]) => `${label}=${value}`)].join(' ');
}
