const { round } = require('./round.cjs');

const all = {
  publisher: require('@hookcast/publisher'),
  outbox: require('@hookcast/publisher/outbox'),
  testing: require('@hookcast/publisher/testing'),
  receiver: require('@hookcast/receiver'),
  inbox: require('@hookcast/receiver/inbox'),
  senders: require('@hookcast/receiver/senders'),
};
void round(all).then((result) => console.log(JSON.stringify(result)));
