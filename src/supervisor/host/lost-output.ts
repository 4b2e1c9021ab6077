// Output that cannot be written (`node master.js | head`, a closed terminal, a full disk) ends neither the master nor a child:
// the work is worth more than the output.

/** @returns restores the default behaviour */
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
