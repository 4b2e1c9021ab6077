// The error for a cluster port whose holder does not answer as a leader.

import { formatEndpoint, type Endpoint } from '../endpoint';
import { TrunklineError } from '../errors';

/** @param heard what the program did or said instead, as a phrase whose subject is the program */
export function foreignPort(channel: string, endpoint: Endpoint, heard: string): TrunklineError {
  return new TrunklineError(
    'ERR_TRUNKLINE_PORT_FOREIGN',
    `${channel}: cluster port ${formatEndpoint(endpoint)} is held by a program that does not answer as a leader: it ${heard}; ` +
      'stop it, wake it up if it is one of yours, or choose another port in every process',
    { channel, port: endpoint.port, heard },
  );
}
