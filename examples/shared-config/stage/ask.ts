// A question to a server that takes plain text, and the answer.

import net from 'node:net';

const ANSWER_LIMIT_MS = 2_000;

/** @param isWhole whether the answer is complete; otherwise the end of the connection completes the answer */
export function ask(url: string, question: string, isWhole: (answer: string) => boolean = () => false): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = net.connect({ host: hostname, port: Number(port), timeout: ANSWER_LIMIT_MS }, () => socket.write(question));
    const end = (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text;
      if (isWhole(answer)) end();
    });
    socket.once('timeout', () => socket.destroy(new Error(`no answer in ${ANSWER_LIMIT_MS / 1_000} s`)));
    socket.once('error', reject);
    socket.once('end', end);
  });
}
