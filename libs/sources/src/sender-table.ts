import { adyen } from './senders/adyen.js';
import { aspnetCustom } from './senders/aspnet-custom.js';
import { awsSns } from './senders/aws-sns.js';
import { azureAlert } from './senders/azure-alert.js';
import { azureContainerRegistry } from './senders/azure-container-registry.js';
import { azureDevops } from './senders/azure-devops.js';
import { azureEventgrid } from './senders/azure-eventgrid.js';
import { bitbucket } from './senders/bitbucket.js';
import { cloudevents } from './senders/cloudevents.js';
import { discord } from './senders/discord.js';
import { dropbox } from './senders/dropbox.js';
import { dynamicscrm } from './senders/dynamicscrm.js';
import { generic } from './senders/generic.js';
import { gitea } from './senders/gitea.js';
import { github } from './senders/github.js';
import { gitlab } from './senders/gitlab.js';
import { gogs } from './senders/gogs.js';
import { hubspot } from './senders/hubspot.js';
import { instagram } from './senders/instagram.js';
import { intercom } from './senders/intercom.js';
import { kudu } from './senders/kudu.js';
import { linear } from './senders/linear.js';
import { mailchimp } from './senders/mailchimp.js';
import { mandrill } from './senders/mandrill.js';
import { meta } from './senders/meta.js';
import { msgraph } from './senders/msgraph.js';
import { myget } from './senders/myget.js';
import { okta } from './senders/okta.js';
import { paypal } from './senders/paypal.js';
import { pusher } from './senders/pusher.js';
import { salesforce } from './senders/salesforce.js';
import { sendgrid } from './senders/sendgrid.js';
import { shopify } from './senders/shopify.js';
import { slack } from './senders/slack.js';
import { square } from './senders/square.js';
import { standardWebhooks } from './senders/standard-webhooks.js';
import { stripe } from './senders/stripe.js';
import { svix } from './senders/svix.js';
import { trello } from './senders/trello.js';
import { twilio } from './senders/twilio.js';
import { twitch } from './senders/twitch.js';
import { websub } from './senders/websub.js';
import { wordpress } from './senders/wordpress.js';
import { x } from './senders/x.js';
import { zendesk } from './senders/zendesk.js';
import { zoom } from './senders/zoom.js';
import { type Sender } from './sender.js';

/** Every style, by name. The one list: a sender that is not here does not exist. */
export const senderTable: readonly Sender[] = [
  adyen,
  aspnetCustom,
  awsSns,
  azureAlert,
  azureContainerRegistry,
  azureDevops,
  azureEventgrid,
  bitbucket,
  cloudevents,
  discord,
  dropbox,
  dynamicscrm,
  generic,
  gitea,
  github,
  gitlab,
  gogs,
  hubspot,
  instagram,
  intercom,
  kudu,
  linear,
  mailchimp,
  mandrill,
  meta,
  msgraph,
  myget,
  okta,
  paypal,
  pusher,
  salesforce,
  sendgrid,
  shopify,
  slack,
  square,
  standardWebhooks,
  stripe,
  svix,
  trello,
  twilio,
  twitch,
  websub,
  wordpress,
  x,
  zendesk,
  zoom,
];

const byName = new Map(senderTable.map((sender) => [sender.name, sender]));

export function senderNamed(name: string): Sender | undefined {
  return byName.get(name);
}
