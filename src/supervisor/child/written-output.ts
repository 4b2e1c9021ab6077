// What a child has written before it ends: Node.js does not wait for a pipe that is full, and would lose the rest.

/** Who does not read for this long, ms, does not get the rest. */
const PATIENCE_MS = 1_000;

/** Resolves when the system has taken everything that this process has written, or does not take it. */
export async function outputWritten(): Promise<void> {
  const waiting = [process.stdout, process.stderr].filter(({ writableLength }) => writableLength > 0);
  if (waiting.length === 0) return;
  const written = waiting.map((stream) => new Promise<void>((resolve) => stream.write('', () => resolve())));
  await Promise.race([Promise.all(written), new Promise((resolve) => setTimeout(resolve, PATIENCE_MS).unref())]);
}
