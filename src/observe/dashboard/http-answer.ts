// Answers of the dashboard: every answer has the same protective headers, and every refusal is a status code and a sentence.

import type http from 'node:http';

/** A request that is not answered as asked. The message is a sentence for the user. */
export class Refusal extends Error {
  readonly status: number;
  readonly headers: http.OutgoingHttpHeaders;

  constructor(status: number, message: string, headers: http.OutgoingHttpHeaders = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** The page loads nothing from elsewhere, runs no code but its own file, and is shown in no frame. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: http.OutgoingHttpHeaders = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

export function begin(response: http.ServerResponse, status: number, type: string, more: http.OutgoingHttpHeaders = {}): void {
  response.writeHead(status, { ...HEADERS, 'content-type': type, ...more });
}

export function sendJson(response: http.ServerResponse, status: number, body: unknown, more?: http.OutgoingHttpHeaders): void {
  const text = `${JSON.stringify(body)}\n`; // before the head: a body that is no JSON is refused with a status of its own
  begin(response, status, 'application/json; charset=utf-8', more);
  response.end(text);
}

/** @param error a `Refusal`, or what nobody expected */
export function sendRefusal(response: http.ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const refusal = error instanceof Refusal ? error : new Refusal(500, `this went wrong: ${(error as Error).message}`);
  sendJson(response, refusal.status, { error: refusal.message }, refusal.headers);
}

/** @throws Refusal when the body is too long, no JSON, or no object */
export async function readJson(request: http.IncomingMessage, maxBytes: number): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new Refusal(413, `the body may have ${maxBytes} bytes`, { connection: 'close' });
    chunks.push(chunk);
  }
  let body: unknown;
  try {
    body = size === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new Refusal(400, 'the body must be JSON');
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new Refusal(400, 'the body must be an object');
  return body as Record<string, unknown>;
}
