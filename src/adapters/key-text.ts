// Which texts can be keys of a store at all.

/** Whether UTF-8 can express the text: half of a surrogate pair would become U+FFFD, and two such keys one. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
