// How a process may lead a channel: the word of the seat that a supervisor gives, of the resolved options, of the election and of
// the message `join`.

/**
 * `follows`: never leads. `competes`: leads if there is no leader. `leads`: must lead, and is refused if another process leads.
 * `succeeds`: must lead, and takes over from the present leader.
 */
export type Candidacy = 'follows' | 'competes' | 'leads' | 'succeeds';

/** The candidacies by number on the wire. Append-only. */
export const CANDIDACIES: readonly Candidacy[] = ['follows', 'competes', 'leads', 'succeeds'];
