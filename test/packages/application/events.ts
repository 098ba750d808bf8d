export interface OrderCreated {
  orderId: string;
}

export interface PaymentCaptured {
  orderId: string;
  amount: number;
}

declare global {
  interface HookcastTopics {
    'nest.orders.created': OrderCreated;
    'nest.payments.captured': PaymentCaptured;
  }
}
