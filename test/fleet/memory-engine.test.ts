import { memoryEngine } from '../../src/fleet/engines/memory';
import { leavesNothingOpen } from '../support/open-handles';
import { describesEngine } from './engine-conformance';

leavesNothingOpen();

describesEngine(() => {
  const engine = memoryEngine();
  return Promise.resolve({
    waitsAfterLoss: true,
    link: () => {
      const link = engine.link();
      return Promise.resolve({ engine: link, cut: () => link.cut(), restore: () => link.restore() });
    },
    restart: ({ isEmpty }) => {
      engine.stop();
      engine.start({ isEmpty });
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  });
});
