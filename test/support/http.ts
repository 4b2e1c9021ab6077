// HTTP for tests: each request on a new connection unless an agent is given, the answer as JSON.

import http from 'node:http';
import type https from 'node:https';

export interface GetOptions extends http.RequestOptions {
  readonly client?: typeof http | typeof https;
}

/** @throws Error for anything but an answer with JSON */
export function getJson<T>(port: number, path = '/', { client = http, ...options }: GetOptions = {}): Promise<T> {
  return new Promise((resolve, reject) => {
    const given = { host: '127.0.0.1', port, path, agent: false, rejectUnauthorized: false, ...options } as const;
    const request = client.get(given, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => {
        try {
          resolve(JSON.parse(body) as T);
        } catch {
          reject(new Error(`${path}: ${response.statusCode} ${body}`));
        }
      });
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}
