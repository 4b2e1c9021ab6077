'use strict';

const { join } = require('node:path');

module.exports = ({ baseDir }) => ({
  keys: 'example',
  logger: { dir: join(baseDir, 'logs') },
});
