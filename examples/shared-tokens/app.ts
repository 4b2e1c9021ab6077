// A worker: asks for tokens on request over HTTP, which a real worker would need for requests to other services. GET
// /ask/mail?times=50 asks 50 times at once GET /seen/mail what the subscription has brought last POST /revoke/mail

import http from 'node:http';
import { onStop } from 'trunkline/supervisor';
import type { TokenChange } from './token';
import { tokens } from './tokens';

/** What `/ask` answers. */
export interface Answer {
  readonly worker: number;
  readonly asked: number;
  /** The different tokens that the worker got. */
  readonly values: readonly string[];
}

const seen = new Map<string, TokenChange>();
onStop(() => tokens.close());

async function answer({ method, url = '/' }: http.IncomingMessage): Promise<unknown> {
  const { pathname, searchParams } = new URL(url, 'http://worker');
  const [, what, scope] = pathname.split('/');
  if (!scope) return { error: 'try /ask/mail' };
  follow(scope);
  if (method === 'POST' && what === 'revoke') {
    await tokens.revoke(scope);
    return { revoked: scope };
  }
  if (what === 'seen') return { worker: process.pid, ...seen.get(scope) };
  const asked = Number(searchParams.get('times') ?? 1);
  const got = await Promise.all(Array.from({ length: asked }, () => tokens.getToken(scope)));
  return { worker: process.pid, asked, values: [...new Set(got.map(({ value }) => value))] } satisfies Answer;
}

function follow(scope: string): void {
  if (seen.has(scope)) return;
  seen.set(scope, { scope, token: null });
  tokens.subscribe({ scope }, (change) => seen.set(scope, change));
}

const server = http.createServer((request, response) => {
  answer(request).then(
    (result) => response.end(`${JSON.stringify(result)}\n`),
    (error: Error) => response.writeHead(503).end(`${JSON.stringify({ error: error.message })}\n`),
  );
});
export default tokens.ready().then(() => server.listen(Number(process.env.PORT ?? 8080), '127.0.0.1'));
