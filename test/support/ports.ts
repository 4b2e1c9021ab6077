// Free loopback ports. The product's own search lies below the ephemeral range: no outgoing connection of another test can take a
// port between the check and the use.

export { freePort, isFree as canBind } from '../../src/supervisor/host/free-port';
