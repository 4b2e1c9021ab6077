// The agent: creating the client is all it does. It leads, because the supervisor gave it that place.

import cluster from 'trunkline';
import { onStop } from 'trunkline/supervisor';
import { RatesClient } from './rates-client';

const rates = cluster(RatesClient).create();
onStop(() => rates.close());

// The agent is ready when this promise is: workers start after that.
export default rates.ready();
