// The agent: only creates the client. The client leads here, because the supervisor gave the agent that role.

import cluster from 'trunkline';
import { onStop } from 'trunkline/supervisor';
import { RatesClient } from './rates-client';

const rates = cluster(RatesClient).create();
onStop(() => rates.close());

// The agent is ready when this promise is: workers start after that.
export default rates.ready();
