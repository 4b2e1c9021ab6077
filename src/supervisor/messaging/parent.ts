// The process that has started the master, if that process listens.

import type { Logger } from '../../logger';
import type { AppMessage } from './messages';

/** @returns whether there is a parent, and the message can be sent */
export function sendToParent(message: AppMessage, logger: Logger): boolean {
  if (!process.connected || !process.send) return false;
  try {
    process.send(message, undefined, undefined, () => undefined);
    return true;
  } catch (error) {
    logger.error(`a message to the parent cannot be sent: action=${message.action}: ${(error as Error).message}`);
    return false;
  }
}
