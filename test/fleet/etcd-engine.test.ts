import { describeWithEtcd } from '../support/etcd';
import { leavesNothingOpen } from '../support/open-handles';
import { describesEngine } from './engine-conformance';
import { etcdBed } from './etcd-bed';

leavesNothingOpen();

describeWithEtcd('an engine over etcd', () => {
  describe.each(['grpc', 'gateway'] as const)('by %s', (over) => {
    describesEngine(() => etcdBed(over));
  });
});
