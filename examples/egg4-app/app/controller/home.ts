import { Controller, type Application } from 'egg';

export default class HomeController extends Controller {
  /** The price that this worker has. `isOneEgg`: the application and the framework have loaded the same copy of egg. */
  show(): void {
    this.ctx.body = { pid: process.pid, tea: this.application.tea, isOneEgg: this.application.Controller === Controller };
  }

  /** Published by the worker that answers; reaches every worker over the leader. */
  publish(): void {
    this.application.prices.publish({ item: 'tea', price: this.price });
    this.ctx.body = { pid: process.pid };
  }

  /** Uses the messenger of egg instead: worker to agent. */
  tell(): void {
    this.application.messenger.sendToAgent('price', { item: 'tea', price: this.price });
    this.ctx.body = { pid: process.pid };
  }

  private get price(): number {
    return Number((this.ctx.params as { readonly price: string }).price);
  }

  private get application(): Application {
    return this.app as Application;
  }
}
