// A reader of the output that is gone (`node master.js | head`, a closed terminal) ends neither the master nor its children.

/** @returns undoes it */
export function surviveLostOutput(): () => void {
  const streams = [process.stdout, process.stderr];
  for (const stream of streams) stream.on('error', ignoreLoss);
  return () => {
    for (const stream of streams) stream.removeListener('error', ignoreLoss);
  };
}

function ignoreLoss(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
}
