// The shared client of the tokens, the same in agent and workers: leads in the agent, follows in the workers.

import cluster from 'trunkline';
import { TokenStore } from './token-store';

const { ISSUER_URL: issuerUrl = 'http://127.0.0.1:8081', REDIS_URL: redisUrl } = process.env;

export const tokens = cluster(TokenStore)
  // A call that was under way when the leader died is sent again to the next leader.
  .delegate('getToken', 'invoke', { idempotent: true })
  .delegate('revoke', 'invoke', { idempotent: true })
  .create({ issuerUrl, redisUrl });
