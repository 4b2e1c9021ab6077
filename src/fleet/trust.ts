// What the fleet checks itself although the engine would refuse it. Tests switch these checks off, to see that the engine refuses.

export const trust = {
  /** Whether a leader stops by its own clock, before the engine gives the leadership to another. */
  ownDeadline: true,
};
