// The agent as a plain program.

import { startAgent } from './application';

export default startAgent();
