// Four workers ask for the same token a thousand times, and the authorization server is asked once. Then the agent, which holds
// the token, is killed, and the workers ask on. In memory the token goes with the agent; with REDIS_URL the token stays.

import { join } from 'node:path';
import { startCluster, type Supervised } from 'trunkline/supervisor';
import type { Answer } from './app';
import { TokenIssuer } from './token-issuer';

const PORT = process.env.PORT ?? '8080';
/** The requests to the workers, and how often a worker asks for the token to answer a request. */
const REQUESTS = 20;
const TIMES = 50;
/** A name of this run: a token of an earlier run may still be in Redis. */
const SCOPE = `mail-${process.pid}`;

async function main(): Promise<void> {
  const issuer = new TokenIssuer();
  const application = await startCluster({
    agent: join(__dirname, 'agent.js'),
    app: join(__dirname, 'app.js'),
    workers: 4,
    environment: { PORT, ISSUER_URL: await issuer.listen() },
  });
  try {
    await tellStory(application, issuer);
  } catch (error) {
    await application.stop();
    throw error;
  }
}

async function tellStory({ status: [agent] }: Supervised, issuer: TokenIssuer): Promise<void> {
  await ask(issuer);
  console.log(`SIGKILL to the agent, process ${agent?.pid}`);
  process.kill(agent!.pid!, 'SIGKILL');
  await ask(issuer);
  console.log(`try: curl http://127.0.0.1:${PORT}/ask/${SCOPE}`);
}

async function ask(issuer: TokenIssuer): Promise<void> {
  const answers = await Promise.all(
    Array.from({ length: REQUESTS }, async () => {
      const response = await fetch(`http://127.0.0.1:${PORT}/ask/${SCOPE}?times=${TIMES}`, { headers: { connection: 'close' } });
      if (!response.ok) throw new Error(await response.text());
      return (await response.json()) as Answer;
    }),
  );
  const workers = new Set(answers.map(({ worker }) => worker)).size;
  const asked = answers.reduce((sum, answer) => sum + answer.asked, 0);
  const values = new Set(answers.flatMap((answer) => answer.values)).size;
  console.log(
    `${workers} workers asked ${asked} times; different tokens: ${values}; questions to the issuer so far: ${issuer.asked}`,
  );
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
