'use strict';

exports.hello = ({ name }) => {
  console.log('greeting', name);
  return { greeting: `Hello, ${name}` };
};

exports.upper = ({ greeting, sign }) => ({ greeting: greeting.toUpperCase() + sign });

exports.page = () => ({ body: '<p>open</p>' });
