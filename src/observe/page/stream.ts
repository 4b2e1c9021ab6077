// The line to the dashboard's server: server-sent events, read with fetch because an EventSource cannot send a token. Connects
// again by itself, and says how it stands.

import type { HostSample } from '../../view/host-rates';
import type { HostView } from '../../host-view';

export interface Hello {
  readonly canAct: boolean;
  readonly canInspect: boolean;
  readonly history: readonly HostSample[];
}

export interface StreamEvents {
  onHello(hello: Hello): void;
  onView(view: HostView): void;
  /** The source of the view is gone, or the server is: `error` is a sentence. */
  onLost(error: string, view: HostView | undefined): void;
  /** The server wants a token. @param wasWrong there was one already */
  onTokenWanted(wasWrong: boolean): void;
}

const TOKEN = 'trunkline-token';
const RETRY_MS = 1_000;
/** The server says something every 15 s. */
const SILENCE_MS = 40_000;

/** A link may bring the token behind `#`, which browsers do not send; from there it goes where only this tab reads it. */
export function takeToken(): void {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given === null) return;
  keepToken(given);
  history.replaceState(null, '', location.pathname + location.search);
}

export function keepToken(token: string): void {
  sessionStorage.setItem(TOKEN, token);
}

export function headers(): Record<string, string> {
  const token = sessionStorage.getItem(TOKEN);
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

export function follow(events: StreamEvents): void {
  const read = async (): Promise<void> => {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENCE_MS);
    try {
      const response = await fetch('api/events', { headers: headers(), cache: 'no-store', signal: silence.signal });
      if (response.status === 401) {
        events.onTokenWanted('authorization' in headers());
        return;
      }
      if (!response.ok || !response.body) throw new Error(await sentenceOf(response));
      let rest = '';
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) throw new Error('the dashboard has ended');
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_MS);
        const blocks = (rest + value).split('\n\n');
        rest = blocks.pop()!;
        for (const block of blocks) deliver(block, events);
      }
    } catch (error) {
      const isNetwork = error instanceof TypeError || silence.signal.aborted;
      events.onLost(isNetwork ? 'the dashboard does not answer' : (error as Error).message, undefined);
      setTimeout(() => void read(), RETRY_MS);
    } finally {
      clearTimeout(timer);
    }
  };
  void read();
}

function deliver(block: string, events: StreamEvents): void {
  const [, event] = /^event: (.*)$/m.exec(block) ?? [];
  const [, data] = /^data: (.*)$/m.exec(block) ?? [];
  if (data === undefined) return; // a comment, which keeps the connection alive
  const given: unknown = JSON.parse(data);
  if (event === 'hello') events.onHello(given as Hello);
  else if (event === 'live') events.onView((given as { view: HostView }).view);
  else if (event === 'lost') {
    const { error, view } = given as { error: string; view?: HostView };
    events.onLost(error, view);
  }
}

/** Asks the server for something. @throws Error with a sentence */
export async function ask(path: string, body?: object): Promise<Record<string, unknown>> {
  const response = await fetch(path, {
    headers: { ...headers(), ...(body && { 'content-type': 'application/json' }) },
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
  }).catch(() => {
    throw new Error('the dashboard does not answer');
  });
  if (!response.ok) throw new Error(await sentenceOf(response));
  return (await response.json()) as Record<string, unknown>;
}

async function sentenceOf(response: Response): Promise<string> {
  const given = (await response.json().catch(() => ({}))) as { error?: string };
  return given.error ?? `the dashboard answers ${response.status}`;
}
