// The shared client of the tokens, the same in agent and workers: in the agent it leads, in the workers it follows.

import cluster from 'trunkline';
import { TokenStore } from './token-store';

const { ISSUER_URL: issuerUrl = 'http://127.0.0.1:8081', REDIS_URL: redisUrl } = process.env;

export const tokens = cluster(TokenStore)
  // A call that was under way when the leader died is sent again to the next one.
  .delegate('getToken', 'invoke', { idempotent: true })
  .delegate('revoke', 'invoke', { idempotent: true })
  .create({ issuerUrl, redisUrl });
