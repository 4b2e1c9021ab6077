// Server-sent events for one viewer. A viewer that reads slowly gets the newest view when it has read the one before, and no
// others: nothing piles up.

import type http from 'node:http';
import { begin } from './http-answer';
import type { LiveView, Outlook } from './live-view';

/** A proxy or a browser may end a connection that carries nothing. */
const KEEP_ALIVE_MS = 15_000;

/** The head of the answer, which is all that a HEAD request gets: a stream without a body would have no end. */
export function beginStream(response: http.ServerResponse): void {
  begin(response, 200, 'text/event-stream; charset=utf-8', { 'x-accel-buffering': 'no' });
}

/** @param greeting what the page has to know before the first view */
export function streamTo(response: http.ServerResponse, live: LiveView, greeting: object): void {
  beginStream(response);
  let owed: Outlook | undefined;
  const send = (event: string, data: object): void => void response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  const tell = (outlook: Outlook): void => {
    if (response.writableNeedDrain) owed = outlook;
    else if (outlook.state !== 'waiting') send(outlook.state, outlook);
  };
  response.on('drain', () => {
    const outlook = owed;
    owed = undefined;
    if (outlook) tell(outlook);
  });
  send('hello', { ...greeting, history: live.history });
  const timer = setInterval(() => {
    if (!response.writableNeedDrain) response.write(': still here\n\n');
  }, KEEP_ALIVE_MS).unref();
  const stop = live.look(tell);
  tell(live.outlook);
  response.once('close', () => {
    clearInterval(timer);
    stop();
  });
}
