// What to do about a port that cannot be had, or must not be, in words that follow the reason.

/** Why no child may listen on the port of an application with sticky connections. */
export function mastersOwn(port: number): string {
  return (
    `with the option sticky port ${port} is the master's own, which hands the connections over; ` +
    'a worker must listen on the port and host that the variables PORT and HOST of its environment name'
  );
}

/**
 * @param reason what is known of a failure
 * @param mastersPort the port that the master reserves, if any
 * @returns text to append to the reason; empty when the reason is not about a port in use
 */
export function portHint(reason: string | undefined, mastersPort: number | undefined): string {
  const [, port] = /EADDRINUSE[^\n]*(?::|port )(\d+)/.exec(reason ?? '') ?? [];
  if (port === undefined) return '';
  return Number(port) === mastersPort ? `; ${mastersOwn(mastersPort)}` : `; to see which program has the port: lsof -i :${port}`;
}
