import type { Application } from 'egg';

export default (app: Application): void => {
  const { home } = app.controller as unknown as { home: Record<'show' | 'publish' | 'tell', () => void> };
  app.get('/', home.show);
  app.get('/publish/:price', home.publish);
  app.get('/tell/:price', home.tell);
};
