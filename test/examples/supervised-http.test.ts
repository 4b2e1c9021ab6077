// The example of an agent and workers that answer HTTP.

import { freePort } from '../support/ports';
import { ExampleRun } from './example-run';

interface Answer {
  readonly currency: string;
  readonly perEuro: number;
  readonly via: number;
  readonly answeredBy: number;
}

it('answers from the agent in every worker, and ends on SIGTERM', async () => {
  const port = await freePort();
  const run = new ExampleRun('supervised-http/main.js', [], { PORT: String(port) });
  const [, agent] = await run.shows(/agent: process (\d+)/);
  await run.shows(/curl/);
  const answers = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const response = await fetch(`http://127.0.0.1:${port}/USD`, { headers: { connection: 'close' } });
      return (await response.json()) as Answer;
    }),
  );
  expect(new Set(answers.map(({ via }) => via))).toEqual(new Set([Number(agent)]));
  expect(new Set(answers.map(({ answeredBy }) => answeredBy)).size).toBe(4);
  run.kill('SIGTERM');
  expect(await run.end()).toBe(0);
  expect(run.processes()).toEqual([]);
  await run.dispose();
});
