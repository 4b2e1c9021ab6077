// The agent: holds the tokens of all processes.

import { onStop } from 'trunkline/supervisor';
import { tokens } from './tokens';

onStop(() => tokens.close());

export default tokens.ready();
