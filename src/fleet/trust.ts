// Checks of the fleet for what the engine refuses anyway. Tests switch these checks off, to see that the engine refuses.

export const trust = {
  /**
   * Whether a leader looks at the own clock, at renewals that were refused, and at news of other leaders. Without these checks
   * only a fenced verb that the engine refuses ends leadership.
   */
  checksItself: true,
};
