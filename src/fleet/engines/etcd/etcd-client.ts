// The client of etcd that a session uses: over gRPC or over the JSON gateway, with the same verbs.

import type { EtcdGateway } from '../../../etcd/etcd-gateway';

export type EtcdClient = Pick<
  EtcdGateway,
  | 'addresses'
  | 'range'
  | 'readAll'
  | 'txn'
  | 'compact'
  | 'grantLease'
  | 'keepLeaseAlive'
  | 'revokeLease'
  | 'watch'
  | 'watchProgress'
  | 'status'
  | 'alarms'
  | 'close'
>;

/** Makes the client for one attempt. @param attempt 0, 1, 2 …: another endpoint each time */
export type Dial = (attempt: number) => EtcdClient;
