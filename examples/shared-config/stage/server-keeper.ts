// Runs a server program and ends it when the demo is gone, however the demo has ended. Arguments: a folder that is deleted at the end, the
// program, and the arguments of the program.

import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';

/** The end of what the server has printed is enough to see why the server has ended. */
const OUTPUT_LENGTH = 2_000;

const [folder = '', command = '', ...args] = process.argv.slice(2);
const server = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
let output = '';
for (const stream of [server.stdout, server.stderr]) {
  stream.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-OUTPUT_LENGTH);
  });
}
process.once('disconnect', () => server.kill('SIGKILL'));
server.once('error', ({ message }) => end(message));
server.once('close', () => end(output));

function end(complaint: string): void {
  if (process.connected) process.stderr.write(`${complaint}\n`);
  rmSync(folder, { recursive: true, force: true });
  process.exitCode = 1;
  if (process.connected) process.disconnect();
}
