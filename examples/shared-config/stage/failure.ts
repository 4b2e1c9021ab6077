// Expectations of the demo that did not come true. The message is the sentence that the user reads; any other error is a mistake in the
// code and keeps the stack.

export class Failure extends Error {}

/** A server that the user has asked for is not installed here. */
export class NotInstalled extends Error {}
