// Output that cannot be written (`node master.js | head`, a closed terminal, a full disk) ends neither the master nor its
// children: what they do is worth more than what they say of it.

/** @returns undoes it */
export function surviveLostOutput(): () => void {
  const streams = [process.stdout, process.stderr];
  for (const stream of streams) stream.on('error', ignore);
  return () => {
    for (const stream of streams) stream.removeListener('error', ignore);
  };
}

function ignore(): void {
  // there is nobody to tell
}
