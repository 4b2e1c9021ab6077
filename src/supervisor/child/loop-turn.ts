// A turn of the event loop, in which the sockets are looked at.

/**
 * Resolves when everything that had arrived in the sockets has been read: data of connections, and a new connection of each
 * server.
 */
export async function wholeTurn(): Promise<void> {
  await immediate(); // the rest of the present turn
  await immediate();
}

function immediate(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
