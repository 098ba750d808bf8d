/** The data of `orders.created`. */
export interface OrderCreated {
  orderId: string;
  customer: string;
  total: number;
}

/** The data of `payments.captured`. */
export interface PaymentCaptured {
  orderId: string;
  customer: string;
  amount: number;
}
