// What the fleet checks itself although the engine would refuse it. Tests switch these checks off, to see that the engine refuses.

export const trust = {
  /**
   * Whether a leader looks at its own clock, at renewals that were refused, and at what it hears of other leaders. Without these checks
   * only a fenced verb that the engine refuses ends leadership.
   */
  checksItself: true,
};
