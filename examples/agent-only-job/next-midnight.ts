// When the present day ends.

/** The next local midnight. Not 24 hours later: the day on which clocks are changed has 23 hours, or 25. */
export function nextMidnight(now: Date): Date {
  // Where clocks go forward at midnight, this is the first moment of the next day.
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1);
}
