// The word that somebody has probably meant. Pure.

/** A word may differ in a third of its letters. */
const TOLERANCE = 1 / 3;

/** @returns the most similar of the words, if any is similar enough */
export function nearest(given: string, words: readonly string[]): string | undefined {
  const lower = given.toLowerCase().replaceAll(/[-_]/g, '');
  const [best] = words
    .map((word) => ({ word, distance: distanceOf(lower, word.toLowerCase()) }))
    .sort((one, other) => one.distance - other.distance);
  return best && best.distance <= Math.max(1, Math.floor(best.word.length * TOLERANCE)) ? best.word : undefined;
}

/** Optimal string alignment: letters that are missing, added, wrong, or exchanged with a neighbour. */
function distanceOf(one: string, other: string): number {
  const rows = [Array.from({ length: other.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= other.length; j++) {
      const isSame = one[i - 1] === other[j - 1];
      let cost = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + (isSame ? 0 : 1));
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1])
        cost = Math.min(cost, rows[i - 2]![j - 2]! + 1);
      row.push(cost);
    }
  }
  return rows[one.length]![other.length]!;
}
