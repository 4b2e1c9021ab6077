// What can be done from the dashboard. Every action needs the token, and a source that can act.

import { Refusal } from './http-answer';

export interface DashboardActions {
  /** Replaces every process without losing a request. */
  reload(): Promise<void>;
  /** Stops a process and starts it again. @param process as in the view, such as `worker 2` */
  restart(process: string): Promise<void>;
  /** Sets the number of workers. */
  scale(workers: number): Promise<void>;
}

const NAMES = ['reload', 'restart', 'scale'] as const;

/**
 * @param name the last part of the path @param given the body of the request
 * @returns a sentence that says what was done @throws Refusal
 */
export async function act(name: string, given: Record<string, unknown>, actions: DashboardActions): Promise<string> {
  switch (name) {
    case 'reload':
      await done(actions.reload());
      return 'every process was replaced';
    case 'restart': {
      const { process } = given;
      if (typeof process !== 'string' || process === '' || process.length > 100)
        throw new Refusal(400, 'restart needs the name of a process, as in {"process": "worker 1"}');
      await done(actions.restart(process));
      return `${process} was restarted`;
    }
    case 'scale': {
      const { workers } = given;
      if (!Number.isSafeInteger(workers) || (workers as number) < 1)
        throw new Refusal(400, 'scale needs a whole number above 0, as in {"workers": 4}');
      await done(actions.scale(workers as number));
      return `there are ${workers as number} workers now`;
    }
    default:
      throw new Refusal(404, `there is no action ${JSON.stringify(name)}; there are ${NAMES.join(', ')}`);
  }
}

/** What the application refuses is the answer to the user, not a fault of the dashboard. */
async function done(action: Promise<void>): Promise<void> {
  try {
    await action;
  } catch (error) {
    throw new Refusal(409, error instanceof Error ? error.message : String(error));
  }
}
